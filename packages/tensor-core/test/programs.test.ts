import { describeLaws, programLaws } from '@lorikeet/laws';
import { describe, test } from 'vitest';
import { ops } from './ops.ts';

describeLaws('a program of ten ops', programLaws(ops), { describe, test });
